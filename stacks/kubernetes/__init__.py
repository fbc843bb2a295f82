"""The Kubernetes cluster of an environment, and what runs there.

Imported only for an environment that has a cluster: the SDK of Kubernetes takes a second to load.
"""
