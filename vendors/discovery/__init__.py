"""Where the instances of a service come from, one module a way; and asking them whether they are well."""
