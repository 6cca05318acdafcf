"""Reads a charity's spreadsheets, and writes down what could not be taken so that it can be mended."""
