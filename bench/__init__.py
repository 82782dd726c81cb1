"""How fast and how light dyntop is, measured beside its peers: `python -m bench --help`.

`load.py` is what is registered, `place.py` an etcd that holds it, `figures/` what is measured on
it, `results.py` what a figure comes to, and `report.py` the tables of it.
"""
