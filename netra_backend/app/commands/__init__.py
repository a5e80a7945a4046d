"""One module for each command of ``netra``; ``cli`` registers them."""
