"""
No secret in any log: what the whole suite used as a secret is looked for in all that it wrote where others may read it.

    ledger    the secrets and the texts, and the search of the ones in the others
    forms     what looks like a secret, whoever made it
    births    where secrets come from: they are noted as they are made, typed, sent or set
    places    where texts come from: log lines, output, files of homes, problems, both stores
    plugin    the run: notes from its first test to its last, and fails it
"""
