"""The two adapters: they translate between a server and the gate, nothing else."""
