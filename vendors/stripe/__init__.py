"""
The door to Stripe: its official SDK over our own HTTP client, and what it says in our words.

    settings   the keys, where it is, and the API version that all of this was written for
    currencies its units of money, which are not always the minor units of ISO 4217
    words      what is asked of it, and what it answers: frozen, integers in our minor units
    wire       its JSON, turned into those words
    transport  the SDK's HTTP client: one request, on `vendors.http`, under our key or none
    faults     what each of its errors means: no, not now, or nobody knows
    asking     one request: in the call of a job, its errors as outcomes
    own_account whose key ours is
    pages      lists of it, to the last page
    client     `StripeDoor`: a method for each thing that is asked
    money      how a payment stands, read from what Stripe says now
    looking    the same, asked now by the id that a job waits under
    webhooks   its events, which only ever say: look again
"""
