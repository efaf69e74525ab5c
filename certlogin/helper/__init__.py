"""证书助手: the local program that owns the keys, shows the PIN dialog and signs what it has built itself.

It imports only wire, records, errors and pki. Linux is the platform it is tested on; on others it can be imported, and
`peer.py` and `durable.py` say what is missing there.
"""
