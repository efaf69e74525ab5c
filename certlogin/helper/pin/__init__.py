"""How the user is asked: pinentry, Tk, or the terminal the helper runs in. Never a page."""
