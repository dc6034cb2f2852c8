"""The stages, one a file, in the order in which data flows.

mine → measure → split → filter → dedup → normalise → segment → mask_qc → pictures → assign_split → pair → synthesise →
triple_qc
"""
