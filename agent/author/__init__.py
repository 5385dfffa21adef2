"""Request -> intent and change set. Text in, list of files out: no room here holds a key to anything."""
