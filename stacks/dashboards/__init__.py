"""The dashboards of an environment, with the standards' limits drawn in."""
