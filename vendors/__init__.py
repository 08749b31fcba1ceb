"""One folder per vendor: our words on one side, theirs on the other. Every call goes through `vendors.http`."""
