"""The stages, one a file, in the order in which data flows.

mine → measure → split → filter → fingerprint → nominate → compare → dedup → normalise → segment → mask_qc → pictures →
assign_split → pair → synthesise → triple_qc → judge
"""
