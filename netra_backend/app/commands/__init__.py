"""One module for each command of ``netra``; ``cli`` loads the one that is called."""
