"""An example host: a reporting system for surveyed units that existed before certlogin and was given certificate login.

Everything a host has to do for certlogin is in `app.py` and in two lines of `views.py`; only public names are used.
"""
