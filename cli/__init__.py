"""The command `gateway`: one file a process, each a composition root; they alone import everything."""
