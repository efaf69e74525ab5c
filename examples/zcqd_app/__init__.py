"""An example host on Starlette: a list of certified energy-saving products (节能产品清单) that units keep themselves.

Its units got their keys in earlier years, from elsewhere, and log in with them. Everything a host has to do for
certlogin is in `app.py` and in two lines of `views.py`; only public names are used.
"""
