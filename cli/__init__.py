"""One command that starts any of the processes, or all of them. Only here does everything meet."""
