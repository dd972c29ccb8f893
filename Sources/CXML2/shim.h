// Debian's libxml2 has ICU, whose types Swift's Foundation has in another version under the same names: a program that
// sees both is refused. Nothing here uses what libxml2 declares with them.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>

/// `xmlFree` is a mutable global function pointer, which Swift 6 refuses to read.
static inline void dpaac_xml_free(void *pointer) { xmlFree(pointer); }
