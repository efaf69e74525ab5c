"""Where certificates come from: the protocol, the embedded CA, the client of its socket."""
