"""Every way a sync can be hurt, injected for real on loopback: `./check -m faults`.

After each, three things hold (tests/faults/stage.py): the inventory is the last complete listing, image by image and
field by field, and its facet counts equal a recount; the run says in plain words what happened; the next sync works.
"""
