"""The sides of services on AWS: ECS behind a load balancer, the frontend, the MCP server."""
