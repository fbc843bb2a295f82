"""Rehearsals of a cutover: real services, a real load balancer and real requests on loopback."""
