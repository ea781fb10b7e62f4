"""The Stock API on the real Django REST framework, to compare the mock with."""
