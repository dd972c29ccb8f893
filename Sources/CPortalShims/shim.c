#include "CPortalShims.h"
