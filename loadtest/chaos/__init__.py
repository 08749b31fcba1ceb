"""
The gateway under fire: every process of it killed, frozen and cut off while jobs come in, and the books balanced after.

    schedule   which fault strikes when: a pure function of a seed
    programs   what is started, with which words and settings
    fleet      the processes, and who starts them again
    servers    Redis and a MongoDB of three members, hurt and healed
    faults     how each fault is done, and undone
    recovery   how long the gateway took to be itself again
    run        one run from the first process to the ledger
    vendor, receiver, tables, load, ledger   the other side: strangers, clients, and the balance
"""
