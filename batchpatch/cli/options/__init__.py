"""The flags: each is declared once, in a group; a command names the groups that it takes."""
