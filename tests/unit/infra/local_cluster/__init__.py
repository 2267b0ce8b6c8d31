"""The servers of this machine, without starting one."""
