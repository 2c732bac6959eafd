/*
 * textdomain.c
 *		What Debian's postgres needs to start with libasan preloaded.
 *
 * It calls these before the sanitizer is ready and would hang in them.  Messages
 * are not translated in tests.
 */
char	   *textdomain(const char *domain);
char	   *bindtextdomain(const char *domain, const char *folder);

char *
textdomain(const char *domain)
{
	return (char *) domain;
}

char *
bindtextdomain(const char *domain, const char *folder)
{
	return (char *) folder;
}
