#include "SocketPolicy.h"
