"""Records: the one way in which anything a town keeps is read or written.

:class:`townhall.records.service.Records` names what can be done; ``town.records`` is one of these. Nothing outside this
package asks a record's table itself.
"""
