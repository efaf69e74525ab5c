"""Makes, runs and walks a whole demonstration: both example hosts, their CAs, a helper and its tokens."""
