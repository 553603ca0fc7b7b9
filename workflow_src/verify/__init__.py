"""Whether results come out again: datasets, figures and a sample of the trainings are made anew and compared.

Nothing in the results is touched; what is made anew lies in a temporary folder and is dropped.
"""
