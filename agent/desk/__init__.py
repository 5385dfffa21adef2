"""What people run at their own desk: the gate alone, its rules as pages, gate and checks on a folder."""
