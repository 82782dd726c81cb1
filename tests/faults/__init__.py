"""What goes wrong around dyntop, and what the person sees meanwhile."""
