"""Questions before anything is removed or restored. The default answer is no."""
