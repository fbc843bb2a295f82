"""What a product's own commands do to its program: pause it, correct its state."""
