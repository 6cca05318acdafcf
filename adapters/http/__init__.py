"""The way in over HTTP: routes, pages, and how refusals are answered."""
