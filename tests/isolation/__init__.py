"""What one team does and has is nothing to another: pages and actions of one team beside a twin that has everything of
the same names, ids and labels.
"""
