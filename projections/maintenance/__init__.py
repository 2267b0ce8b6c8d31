"""Maintenance of views: carries out what operators ask for over HTTP."""
