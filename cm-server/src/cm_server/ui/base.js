// The base address, which holds the folder "ui" of this file: a page works behind any base path.

export const base = new URL(import.meta.url.replace(/^(.*\/)ui\/.*$/, "$1"));
