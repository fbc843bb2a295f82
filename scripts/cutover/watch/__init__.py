"""What a cutover sees: series of CloudWatch, of Prometheus and of a product's own command."""
