"""The rules of the gateway: jobs, outcomes and time. Imports none of the other packages."""
