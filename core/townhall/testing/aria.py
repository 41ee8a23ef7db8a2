"""The words of WAI-ARIA 1.2 that an element may use: its roles and attributes."""

from __future__ import annotations


def _words(text: str, before: str = "") -> frozenset[str]:
    return frozenset(f"{before}{word}" for word in text.split())


#: Roles that an element may be given; abstract ones are none of them.
ROLES = _words(
    """alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox
    complementary contentinfo definition deletion dialog directory document emphasis feed figure form generic grid
    gridcell group heading img insertion link list listbox listitem log main marquee math menu menubar menuitem
    menuitemcheckbox menuitemradio meter navigation none note option paragraph presentation progressbar radio radiogroup
    region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript
    superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid treeitem"""
)
#: Attributes that there are.
ATTRIBUTES = _words(
    """activedescendant atomic autocomplete braillelabel brailleroledescription busy checked colcount colindex
    colindextext colspan controls current describedby description details disabled dropeffect errormessage expanded
    flowto grabbed haspopup hidden invalid keyshortcuts label labelledby level live modal multiline multiselectable
    orientation owns placeholder posinset pressed readonly relevant required roledescription rowcount rowindex
    rowindextext rowspan selected setsize sort valuemax valuemin valuenow valuetext""",
    "aria-",
)
#: Attributes that are true or false.
TRUTHS = _words("atomic busy disabled expanded hidden modal multiline readonly required selected", "aria-")
#: What an element in a role must say of itself.
NEEDED = {
    "checkbox": "aria-checked",
    "combobox": "aria-expanded",
    "heading": "aria-level",
    "menuitemcheckbox": "aria-checked",
    "radio": "aria-checked",
    "slider": "aria-valuenow",
    "switch": "aria-checked",
}
