"""`ringtrace flow test`: declared cases of a flow, on a virtual clock."""
