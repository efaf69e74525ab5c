"""Media that hold keys (证书介质). Here: the encrypted file token."""
