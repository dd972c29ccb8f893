#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>

/// `xmlFree` is a mutable global function pointer, which Swift 6 refuses to read.
static inline void dpaac_xml_free(void *pointer) { xmlFree(pointer); }
