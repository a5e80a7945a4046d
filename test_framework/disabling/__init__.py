"""Takes one validation point out of the application, from outside, in a throw-away process."""
