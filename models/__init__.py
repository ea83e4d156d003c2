"""The networks, their weights, and the register of both."""
