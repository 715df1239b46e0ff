// The API's documentation, in which requests can be tried. The token that somebody types in is in memory alone.
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";

SwaggerUI({
  url: "/docs/openapi.json",
  dom_id: "#api",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  persistAuthorization: false,
  // Nothing is asked of anybody else, and nothing is taken from the page's address.
  validatorUrl: null,
  queryConfigEnabled: false,
  deepLinking: false,
});
