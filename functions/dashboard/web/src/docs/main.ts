// The API's documentation, with a form to try requests. A token that is typed in is kept in memory only.
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
  // No request goes to another host, and nothing is read from the page's URL.
  validatorUrl: null,
  queryConfigEnabled: false,
  deepLinking: false,
});
