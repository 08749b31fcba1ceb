"""What is owed, what the processor took, and what went back: minor units, by the processor's explicit word alone."""
