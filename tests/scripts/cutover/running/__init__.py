"""What is carried out."""
